"""A tool's arguments, checked against its schema before it runs."""

from collections.abc import Callable, Iterable
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from loguru import logger
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from referencing.exceptions import Unresolvable

MOST = 3  # complaints told at once; a model that meets these is asked no more


def checker(schema: FunctionSchema) -> Callable[[Any], str]:
    """What is wrong with a call's arguments, as a function.

    The complaint names arguments and what they must be, never what they were: values may be
    identifiers in clear.

    Args:
        schema: The tool. A schema that is none itself (a reference into nowhere) checks nothing.

    Returns:
        A function from the arguments to a complaint for the model, empty if they are right.
    """
    whole = {
        "type": "object",
        "properties": schema.properties,
        "required": list(schema.required),
        "additionalProperties": False,
    }
    try:
        Draft202012Validator.check_schema(whole)
    except SchemaError as error:
        logger.warning(
            f"The schema of {schema.name!r} is none, and checks nothing: {error.message}"
        )
        return lambda _arguments: ""
    validator = Draft202012Validator(whole)

    def complaint(arguments: Any) -> str:
        try:
            errors = sorted(validator.iter_errors(arguments), key=lambda e: list(map(str, e.path)))
        except Unresolvable as error:
            logger.warning(
                f"The schema of {schema.name!r} refers to what is not there: {error.ref}"
            )
            return ""
        if not errors:
            return ""
        said = "; ".join(dict.fromkeys(_words(error, schema) for error in errors[:MOST]))
        return f"{schema.name} was not run: {said}. Call it again with the right arguments."

    return complaint


def _words(error: ValidationError, schema: FunctionSchema) -> str:
    where = ".".join(str(part) for part in error.path) or "the arguments"
    match error.validator:
        case "required":
            given: Iterable[str] = error.instance if isinstance(error.instance, dict) else ()
            missing = [name for name in _list(error.validator_value) if name not in given]
            return f"{', '.join(map(repr, missing))} missing in {where}"
        case "additionalProperties":
            within = error.schema if isinstance(error.schema, dict) else {}
            known = ", ".join(map(repr, within.get("properties", {}))) or "nothing"
            return f"{where} take {known} and nothing else"
        case "type":
            return f"{where!r} must be {' or '.join(_list(error.validator_value))}"
        case "enum":
            return f"{where!r} must be one of {', '.join(map(repr, _list(error.validator_value)))}"
    return f"{where!r} must satisfy {error.validator} {error.validator_value!r}"


def _list(value: Any) -> list:
    return value if isinstance(value, list) else [value]
