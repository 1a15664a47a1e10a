"""The paper's tables and Figure 4, from training to LaTeX."""
