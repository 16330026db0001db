/**
 * The first policies of a firm whose genesis names none (docs/policies/*.cedar). They permit what the invariants leave
 * open, each by the quorum of its purpose; what none of them permits is denied.
 */
export const DEFAULT_POLICIES: Readonly<Record<string, string>> = {
  'fee-invoice': `@quorum("transfer.FEE_INVOICE")
@description("A fee invoice of the house to a client, by its own quorum")
permit (
  principal,
  action == Action::"transfer",
  resource
)
when
{
  context.purpose == Purpose::"FEE_INVOICE" &&
  resource.estate == Estate::"CLIENT" &&
  context.destination.class == DestinationClass::"MANAGED_HOUSE"
};
`,
  'one-owner': `@description("Only coins of the wallet's owner are spent, and only that owner is paid change")
forbid (
  principal,
  action == Action::"transfer",
  resource
)
unless { [resource.owner].containsAll(context.inputOwners) && [resource.owner].containsAll(context.changeOwners) };
`,
  payment: `@quorum("transfer.PAYMENT")
@description("Payments to approved destinations and between wallets of one owner, by the quorum for payments")
permit (
  principal,
  action == Action::"transfer",
  resource
)
when
{
  context.purpose == Purpose::"PAYMENT" &&
  [DestinationClass::"DESTINATION", DestinationClass::"MANAGED_SAME_OWNER"].contains(context.destination.class) &&
  context.destination.owner == resource.owner
};
`,
  restitution: `@quorum("transfer.RESTITUTION")
@description("Restitution by the house into a client's wallet, by its own quorum")
permit (
  principal,
  action == Action::"transfer",
  resource
)
when
{
  context.purpose == Purpose::"RESTITUTION" &&
  resource.estate == Estate::"HOUSE" &&
  context.destination.class == DestinationClass::"MANAGED_CLIENT"
};
`,
  'test-payment': `@quorum("transfer.TEST_PAYMENT")
@description("A small payment that tries a destination of the owner, also while it cools, by its own quorum")
permit (
  principal,
  action == Action::"transfer",
  resource
)
when
{
  context.purpose == Purpose::"TEST_PAYMENT" &&
  context.destination.class == DestinationClass::"DESTINATION" &&
  context.destination.owner == resource.owner
};
`,
};
