"""How the four steps are executed at each of the five kinds of touchpoint, over a period: counts of what is in the store.

One function for the command and the console, so that both say the same. A figure is counted from rows and never estimated; what
belongs to no kind of touchpoint is counted as elsewhere and not left out. Knows no wording.
"""

from crm_store.report.idic import Report, Touchpoint, idic
from crm_store.report.placing import KINDS, Period

__all__ = ["KINDS", "Period", "Report", "Touchpoint", "idic"]
