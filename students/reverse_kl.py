"""Reverse KL of student to teacher, per token, where a server tells only some of the teacher's probabilities.

At a place of an answer let s be the student's distribution, t the teacher's, K the tokens that the server tells and x
the token that the student drew from s. The sum over K is exact, the rest is estimated from x:

    sum over K of s log(s/t)  +  [x not in K] log(s(x)/t(x))

Its expectation over x is KL(s || t) for any K, and so is that of the gradient: the derivative of the logarithm's own
s adds up to nothing over the whole vocabulary and is left out of both parts. With K empty the gradient is that of
Thinking Machines' "On-Policy Distillation" (a policy gradient with advantage -log(s/t) and discount 0); with K the
vocabulary nothing is estimated. TRL's trainer for served teachers puts all that is not known into one bucket, which is
a lower bound of the KL.
"""

import torch


def estimated_reverse_kl(
    student: torch.Tensor,
    sampled: torch.Tensor,
    known: torch.Tensor,
    known_logprobs: torch.Tensor,
    sampled_logprobs: torch.Tensor,
) -> torch.Tensor:
    """Estimates of shape (N,) in nats, whose gradients are estimates of the KL's.

    Args:
        student: the student's log probabilities, shape (N, V), with gradient.
        sampled: the token that it drew at each place, shape (N,).
        known: tokens whose probability the teacher tells, shape (N, K), none twice in a row.
        known_logprobs: the teacher's log probabilities of those, shape (N, K).
        sampled_logprobs: the teacher's log probability of the drawn token, shape (N,).
    """
    told = student.gather(1, known)
    inside_gap = (told - known_logprobs).detach()
    drawn = student.gather(1, sampled[:, None]).squeeze(1)
    outside_gap = (drawn - sampled_logprobs).detach() * (known != sampled[:, None]).all(1)
    value = (told.detach().exp() * inside_gap).sum(1) + outside_gap
    surrogate = (told.exp() * inside_gap).sum(1) + outside_gap * drawn
    return value + surrogate - surrogate.detach()
