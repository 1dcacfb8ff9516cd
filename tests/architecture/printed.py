"""The schema of the core as it is printed, made once."""

from functools import cache

from graphql import GraphQLSchema, build_schema

from crmcore.schema.printing import print_core_schema


@cache
def core_sdl() -> str:
    return print_core_schema()


@cache
def core_schema() -> GraphQLSchema:
    return build_schema(core_sdl())
