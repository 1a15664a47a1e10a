"""The origin of exported networks names the models that they learnt from."""

from strrn_tf.config import RunConfig
from strrn_tf.export.origin import describe_origin


def test_both_models_of_fused_labels_are_named():
    models = {
        name: {"name": name, "description_sha256": name * 2, "licence": f"of {name}"}
        for name in ("first", "second")
    }
    given = "mine", RunConfig(), {"annotated stills": 3}
    found = describe_origin(
        *given, is_drawn=False, parent=models["first"], second=models["second"]
    )
    data = found["training_data"]
    assert data["started from"]["name"] == "first"
    assert data["labelled with"]["licence"] == "of second"
    assert (
        "labelled with" not in describe_origin(*given, is_drawn=True)["training_data"]
    )


def test_the_terms_of_all_models_that_taught_are_named_once():
    given = "mine", RunConfig(), {}
    own = {"name": "own", "licence": "Apache-2.0."}
    second = {"name": "second", "licence": "Research only."}
    found = describe_origin(*given, is_drawn=False, parent=own, second=second)
    assert found["licence"].startswith("Apache-2.0. Trained further")
    assert found["licence"].endswith("Labelled with second: Research only.")
    again = describe_origin(*given, is_drawn=False, parent=found, second=second)
    assert again["licence"].count("Research only.") == 1
    # Two models with such terms have learnt different data.
    relative = {"name": "second", "licence": "that of the data it was trained on"}
    found = describe_origin(*given, is_drawn=False, parent=own, second=relative)
    assert "Labelled with second: that of" in found["licence"]
