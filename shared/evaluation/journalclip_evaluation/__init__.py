"""How good is a model: retrieval, classification and forgetting, each number with its interval."""
