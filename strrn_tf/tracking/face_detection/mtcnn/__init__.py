"""MTCNN (Zhang et al. 2016) without TensorFlow: three LiteRT networks, box arithmetic.

``pnet.tflite``, ``rnet.tflite`` and ``onet.tflite`` hold the weights of the `mtcnn`
package (MIT licence, see ``LICENSE`` beside this file) and are written by
``benchmarks/models/convert_mtcnn.py``. All take RGB pixel values in [0, 255] and end in
one tensor: box offsets (4), five landmarks (x 5, y 5; ``onet`` only), face logit (1).
"""
