import base64
import io
import json

import pytest
from PIL import Image

from services.rehearsal import mind
from services.rehearsal.script import Rule, Script, load


def say(text):
    return {"role": "user", "content": text}


def called(name, result, /, *, id="t1", **arguments):
    use = {"type": "tool_use", "id": id, "name": name, "input": arguments}
    back = {"type": "tool_result", "tool_use_id": id, "content": json.dumps(result)}
    return [{"role": "assistant", "content": [use]}, {"role": "user", "content": [back]}]


def answer(rules, messages, **body):
    heard = body.pop("heard", True)
    script = Script(rules=tuple(Rule(**rule) for rule in rules))
    return mind.answer(script, mind.read({"messages": messages, **body}, heard=heard))


def picture(color="#c82828", size=(320, 180)):
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, "JPEG")
    source = {"type": "base64", "media_type": "image/jpeg"}
    source["data"] = base64.b64encode(file.getvalue()).decode()
    return {"type": "image", "source": source}


def test_the_first_rule_that_matches_answers():
    rules = [{"hear": "rash", "say": "one"}, {"hear": "rash|arm", "say": "two"}]
    assert answer(rules, [say("my arm")]).say == "two"
    assert answer(rules, [say("a rash on my arm")]).say == "one"


def test_only_the_newest_words_are_heard():
    rules = [{"hear": "first", "say": "old"}, {"hear": "second", "say": "new"}]
    messages = [say("first"), {"role": "assistant", "content": "ok"}, say("second")]
    assert answer(rules, messages).say == "new"
    newest = [
        {"role": "user", "content": [{"type": "text", "text": t} for t in ("first", "second")]}
    ]
    assert answer(rules, newest).say == "new"


def test_a_caption_after_the_words_does_not_hide_them():
    blocks = [{"type": "text", "text": t} for t in ("what is this", "[camera at 3.2 s]")]
    rules = [{"hear": "what is this", "say": "seen"}]
    assert answer(rules, [{"role": "user", "content": blocks}]).say == "seen"


def test_surrogates_pass_from_the_words_into_tool_arguments():
    rules = [
        {
            "hear": "my name is <name> and my date of birth is <date>",
            "call": {"name": "find", "with": {"name": "{name}", "date": "{date}"}},
        }
    ]
    for name, date in (("[NAME_1]", "[DATE_1]"), ("jordan miller", "march fifth")):
        words = f"hello my name is {name} and my date of birth is {date}."
        assert answer(rules, [say(words)]).calls == [("find", {"name": name, "date": date})]


def test_a_list_of_calls_is_made_in_parallel():
    rules = [{"hear": "both", "call": [{"name": "a"}, {"name": "b", "with": {"x": 1}}]}]
    assert answer(rules, [say("both")]).calls == [("a", {}), ("b", {"x": 1})]


def test_a_rule_after_two_tools_waits_for_both_results():
    rules = [{"after": ["a", "b"], "say": "both"}, {"after": "a", "say": "only {result.x}"}]
    one = [say("go"), *called("a", {"x": "one"})]
    both = [
        say("go"),
        {"role": "assistant", "content": [*called("a", {})[0]["content"], *called("b", {}, id="t2")[0]["content"]]},
        {"role": "user", "content": [*called("a", {})[1]["content"], *called("b", {}, id="t2")[1]["content"]]},
    ]  # fmt: skip
    assert answer(rules, one).say == "only one"
    assert answer(rules, both).say == "both"


def test_parallel_results_count_together_however_they_are_recorded():
    rules = [
        {"after": ["a", "b"], "say": "both"},
        {"after": "a", "say": "a"},
        {"after": "b", "say": "b"},
    ]
    apart = [say("go"), *called("a", {}), *called("b", {}, id="t2")]
    assert answer(rules, apart).say == "both"
    late = [{"role": "assistant", "content": "One moment."}, say(".")]
    assert answer(rules, [*apart, *late]).say == "both"
    assert answer(rules, [*called("a", {}), say("go"), *called("b", {}, id="t2")]).say == "b"
    assert answer(rules[1:], apart).say == "b"


def test_missing_variables_are_empty_and_alternatives_stand_in():
    rules = [{"after": "a", "say": "x{result.none}y {result.b.c|result.list|'nothing'} {a.id}."}]
    assert answer(rules, [say("go"), *called("a", {"id": 7})]).say == "xy nothing 7."
    listed = {"list": [{"name": "penicillin"}, {"name": "latex"}]}
    assert answer(rules, [say("go"), *called("a", listed)]).say == "xy penicillin and latex ."


def test_an_earlier_result_stays_at_hand():
    rules = [{"hear": "allergies", "call": {"name": "b", "with": {"id": "{a.patient_id}"}}}]
    messages = [
        say("go"),
        *called("a", {"patient_id": "p7"}),
        {"role": "assistant", "content": "ok"},
    ]
    assert answer(rules, [*messages, say("allergies")]).calls == [("b", {"id": "p7"})]


def test_once_means_once_in_a_conversation():
    rules = [
        {"hear": "hi", "once": True, "say": "Welcome {words}."},
        {"hear": "hi", "say": "Again."},
    ]
    assert answer(rules, [say("hi")]).say == "Welcome hi."
    again = [say("hi"), {"role": "assistant", "content": "Welcome hi."}, say("hi")]
    assert answer(rules, again).say == "Again."


def test_the_greeting_comes_only_before_the_first_user_words():
    rules = [{"hear": "caller|line", "say": "no"}, {"greet": True, "say": "Welcome."}]
    cue = say("(The caller is on the line. Greet them.)")
    assert answer(rules, [cue]).say == "Welcome."
    assert answer(rules, []).say == "Welcome."
    disclosed = [{"role": "assistant", "content": "I am an AI."}, cue]
    assert answer(rules, disclosed).say == "Welcome."
    assert answer(rules, [*disclosed, say("hello caller")]).say == "no"
    assert answer(rules, [say("[NAME_1]")], heard=True).say.startswith("This is a rehearsal")


def test_a_note_without_brackets_is_greeted_if_no_rule_knows_it():
    rules = [{"hear": "order", "say": "Shipped."}, {"greet": True, "say": "Welcome."}]
    assert answer(rules, [say("Begin the conversation.")], heard=False).say == "Welcome."
    assert answer(rules, [say("where is my order")], heard=False).say == "Shipped."
    assert answer(rules, [say("mumble")], heard=True).say.startswith("This is a rehearsal")
    greeted = [say("Begin."), {"role": "assistant", "content": "Welcome."}, say("mumble")]
    assert answer(rules, greeted, heard=False).say.startswith("This is a rehearsal")


def test_a_note_does_not_hide_the_words_before_it():
    blocks = [{"type": "text", "text": t} for t in ("my order", "(A document was uploaded.)")]
    rules = [{"hear": "document", "say": "a note"}, {"hear": "order", "say": "words"}]
    assert answer(rules, [{"role": "user", "content": blocks}]).say == "words"
    assert answer(rules, [{"role": "user", "content": blocks[1:]}]).say == "a note"


def test_an_image_is_described_from_its_pixels():
    rules = [
        {
            "hear": "look",
            "see": True,
            "say": "{image.color} {image.light} {image.width} {image.sharp}",
        },
        {"hear": "look", "see": False, "say": "no picture"},
    ]
    asked = {"type": "text", "text": "look"}
    seen = answer(rules, [{"role": "user", "content": [asked, picture()]}])
    assert seen.say == "red normal 320 blurred or empty"
    assert answer(rules, [say("look")]).say == "no picture"


def test_the_newest_image_is_the_one_described():
    rules = [{"hear": "look", "see": True, "say": "{image.color}"}]
    blocks = [picture("#c82828"), picture("#2846c8"), {"type": "text", "text": "look"}]
    assert answer(rules, [{"role": "user", "content": blocks}]).say == "blue"


def test_a_broken_image_is_no_error():
    broken = {"type": "image", "source": {"type": "base64", "data": "AAAA"}}
    rules = [{"hear": "look", "see": True, "say": "seen {image.text|'nothing'}"}]
    content = [broken, {"type": "text", "text": "look"}]
    assert answer(rules, [{"role": "user", "content": content}]).say == "seen nothing"


def test_a_rule_may_need_tools_or_a_system_instruction():
    rules = [
        {"hear": "x", "tools": "a", "say": "tool"},
        {"hear": "x", "system": "brief", "say": "b"},
    ]
    assert answer(rules, [say("x")], tools=[{"name": "a"}]).say == "tool"
    assert answer(rules, [say("x")], system="Write a brief.").say == "b"
    assert answer(rules, [say("x")]).say.startswith("This is a rehearsal")


TOOLS = {
    "find_patient": {"found": True, "patient_id": "p7", "name": "[NAME_1]"},
    "add_note": {"noted": True},
    "find_allergies": {"allergies": ["penicillin"]},
    "find_medications": {"medications": [{"name": "lisinopril", "dose": "10 mg"}]},
    "read_document": {"found": True, "text": "A letter.\n\nSummary: itching rash; avoid soap."},
    "transfer_to_person": {"ok": True},
}


@pytest.mark.parametrize("redacted", [False, True])
def test_the_consultation_uses_every_tool_without_real_identifiers(redacted):
    script = load("consultation")
    offered = [{"name": name} for name in TOOLS]
    messages, calls, said, parallel = [say("(Greet the caller.)")], [], [], 0
    for i, line in enumerate([None, *script.lines]):
        if line:
            words = line.say
            if redacted:
                for real, surrogate in (
                    ("jordan miller", "[NAME_1]"),
                    ("march fifth nineteen eighty two", "[DATE_1]"),
                    ("five five five two one seven four zero nine eight", "[PHONE_1]"),
                ):
                    words = words.replace(real, surrogate)
            messages.append(say(words))
        for _ in range(4):
            body = {"messages": messages, "tools": offered}
            reply = mind.answer(script, mind.read(body, heard=i > 0))
            assert reply.rule is not None, messages[-1]
            said.append(reply.say)
            if reply.say:
                messages.append({"role": "assistant", "content": reply.say})
            if not reply.calls:
                break
            parallel = max(parallel, len(reply.calls))
            uses, results = [], []
            for k, (name, arguments) in enumerate(reply.calls):
                calls.append((name, arguments))
                use, result = called(name, TOOLS[name], id=f"t{len(messages)}{k}", **arguments)
                uses += use["content"]
                results += result["content"]
            messages += [
                {"role": "assistant", "content": uses},
                {"role": "user", "content": results},
            ]
    assert {name for name, _ in calls} == set(TOOLS)
    assert parallel >= 2
    arguments = dict(reversed(calls))
    assert arguments["find_patient"]["name"] == ("[NAME_1]" if redacted else "jordan miller")
    assert arguments["find_allergies"] == {"patient_id": "p7"}
    assert ("jordan" in json.dumps(calls)) is not redacted
    assert "rehearsal" in said[0] and "I have your letter. In short: itching rash." in said
    assert not any("{" in text or "  " in text for text in said)
    assert all(sentences.count(".") + sentences.count("?") <= 3 for sentences in said)
