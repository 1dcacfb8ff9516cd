"""A plugin's folder never shadows a module of the standard library."""

import email
import sysconfig
from pathlib import Path


def test_email_is_the_standard_library():
    assert Path(email.__file__).is_relative_to(sysconfig.get_path("stdlib"))
