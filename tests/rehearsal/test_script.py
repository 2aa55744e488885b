import pytest

from services.rehearsal.script import Script, ScriptError, load


def write(folder, text):
    (folder / "x.rehearsal.yaml").write_text(text)
    return folder


def test_a_bot_without_a_script_gets_a_minimal_one(tmp_path):
    script = load("unheard_of", scripts=tmp_path)
    assert isinstance(script, Script)
    assert script.lines and script.rules and "hello" in script.vocabulary


def test_the_ears_know_the_lines_besides_the_phrases(tmp_path):
    script = load("x", scripts=write(tmp_path, "lines: [{say: a b}, {type: c}]\nphrases: [d, a b]"))
    assert script.vocabulary == ("d", "a b")


def test_yes_and_no_are_words_in_a_script(tmp_path):
    script = load("x", scripts=write(tmp_path, "phrases: [yes, no, on, off]"))
    assert script.phrases == ("yes", "no", "on", "off")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: [}", "line 1"),
        ("rules: [{hear: '(', say: x}]", "regular expression"),
        ("rules: [{heer: a, say: x}]", "heer"),
        ("rules: [{hear: a}]", "needs something to do"),
        ("lines: [{say: a, sing: b}]", "sing"),
        ("just words", "mapping"),
    ],
)
def test_a_broken_script_is_one_error_with_file_and_cure(tmp_path, text, said):
    with pytest.raises(ScriptError) as error:
        load("x", scripts=write(tmp_path, text))
    message = str(error.value)
    assert "x.rehearsal.yaml" in message and said in message and "\n" not in message
