import json

from ladokflow.http import Answer, said


def test_words_of_the_other_side_hold_no_national_id() -> None:
    answer = Answer(400, {}, json.dumps({"error": {"message": "19900101-2384 does not fit ^.+$"}}).encode())
    assert said(answer) == "19900101-**** does not fit ^.+$"


def test_words_without_one_stay_as_they_are() -> None:
    assert said(Answer(422, {}, json.dumps({"errorInfo": "Okänt betyg VG"}).encode())) == "Okänt betyg VG"
