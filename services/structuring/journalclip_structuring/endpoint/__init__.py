"""Structuring by any OpenAI-compatible endpoint: vLLM, a llama.cpp server, a hosted API.

Every text ends as one result; every attempt is in the journal, the failed ones too; the spend cap is reserved before a
request starts, so that it holds whatever the endpoint does.
"""
