"""British and American spellings are one name; words that only look British stay."""

import pytest

from atlas.library.names import normal_form
from atlas.library.spelling import american


@pytest.mark.parametrize(
    ("british", "us"),
    [
        ("colours", "colors"), ("behavioural", "behavioral"), ("organisation", "organization"),
        ("optimising", "optimizing"), ("analysed", "analyzed"), ("centre", "center"), ("kilometres", "kilometers"),
        ("catalogues", "catalogs"), ("modelling", "modeling"), ("haemoglobin", "hemoglobin"),
        ("paediatric", "pediatric"), ("oestrogen", "estrogen"), ("programmes", "programs"), ("defence", "defense"),
        ("sulphuric", "sulfuric"), ("artefact", "artifact"), ("licences", "licenses"), ("enrolment", "enrollment"),
    ],
)  # fmt: skip
def test_two_spellings_are_one_name(british: str, us: str) -> None:
    assert american(british) == us
    assert american(us) == us
    assert normal_form(f"{british} in use") == normal_form(f"{us} in use")


@pytest.mark.parametrize(
    "word",
    "four hour course tour exercise advertised promise noise precision television comparison analysis disease "
    "increased supervising likewise premises sourdough crisis poison contour raise".split(),
)
def test_words_that_only_look_british_stay(word: str) -> None:
    assert american(word) == word
