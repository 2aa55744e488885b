"""When is a question of now the question of then?"""

import json

from qa.replay.match import Names, difference, ids_in, key_of, nearly

ONE, TWO = "55200331-ebc5-4a2c-ba8e-15b535b8fe87", "e7363a83-a2d0-461a-9343-c6e968df99a7"


def test_ids_drawn_afresh_do_not_count():
    assert key_of(f'{{"context_id": "{ONE}", "a": 1}}') == key_of(
        f'{{"a": 1, "context_id": "{TWO}"}}'
    )
    assert key_of('{"jsonrpc": "2.0", "id": 3}') == key_of('{"jsonrpc": "2.0", "id": 4}')
    assert key_of('{"id": 3}') != key_of('{"id": 4}')
    assert key_of('{"f": "/tmp/vivace-documents-ab1"}') == key_of('{"f": "/x/vivace-t2"}')


def test_taped_answers_get_the_ids_of_now():
    names = Names()
    names.learn(f'{{"id": "{ONE}"}}', f'{{"id": "{TWO}"}}')
    assert names.rewrite(f'{{"of": "{ONE}"}}') == f'{{"of": "{TWO}"}}'
    names.learn('{"jsonrpc": "2.0", "id": 1}', '{"jsonrpc": "2.0", "id": 9}')
    assert names.rewrite('{"jsonrpc": "2.0", "id": 1}') == '{"jsonrpc": "2.0", "id": 9}'


def test_vendor_ids_are_ids_and_tool_names_are_not():
    assert ids_in('{"id": "toolu_rehearsal_75efefaecd570f7d"}')
    assert not ids_in('{"name": "call_ambulance"}')


def test_a_difference_is_told_by_its_place():
    then = '{"system": "You never diagnose.", "tools": [{"name": "a"}], "n": 1}'
    now = '{"system": "You seldom diagnose.", "tools": [], "m": 2}'
    told = difference(then, now)
    assert "m is new: 2" in told and "n is gone" in told and "system" in told


def test_a_request_may_differ_in_how_far_a_cut_answer_got():
    def request(words, user="stop"):
        said = {"role": "assistant", "content": words}
        return json.dumps({"model": "m", "messages": [said, {"role": "user", "content": user}]})

    assert nearly(request("I have written that"), request("I have written"))
    assert not nearly(request("I have written that"), request("I wrote"))
    assert not nearly(request("I have"), request("I have", user="go on"))
