"""``make mutants``: would the tests notice a changed line?

cosmic-ray says what there is to change in a module (an operator, a comparison, a number, a condition, a decorator, an
exception). A number of these mutants is drawn by a seed. Each is tried in a process of its own, in which one module is
read as changed and the named tests run until the first failure. No file of the tree is written.
"""
