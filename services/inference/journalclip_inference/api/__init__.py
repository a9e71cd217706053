"""The HTTP interface: typed requests and answers, one error shape, and the page, under uvicorn or Ray Serve alike.

No handler here knows where the model runs; it asks a `Backend`. Every refusal is an `ErrorBody` with a stable code.
"""
