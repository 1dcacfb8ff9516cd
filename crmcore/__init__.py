"""crmcore: a headless CRM, one GraphQL API that plugins extend.

Everything enters through this module, so the SQLite library is chosen here, once per process: the one from PyPI where
it is installed, because older ones overflow their parser on nested reads and carry the WAL-reset defect.
"""

import sys

try:
    import pysqlite3
except ImportError:  # no wheel on this platform: platform/database.py refuses a library that is too old
    pass
else:
    sys.modules["sqlite3"] = pysqlite3
    sys.modules["sqlite3.dbapi2"] = pysqlite3.dbapi2

__version__ = "0.1.0"
