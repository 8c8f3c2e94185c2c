"""The contract once more, in plain Python over an organisation's rows: what every reading operation has to answer.

It shares no code with the runtime and reads none of the connector's specs, so that a mistake can't cancel itself out.
`answers.ANSWERS` gives what an operation returns, `inputs` draws inputs, `company` and `hiring` draw organisations.
"""
