/** The published Cedar schema (docs/policies/bulkhead.cedarschema): every fact that a policy may speak of. */
export const POLICY_SCHEMA = `// The facts that a policy may speak of. A policy that names anything else is refused when it is proposed.

entity Role enum ["operator", "compliance", "engineer", "attestor"];
entity Estate enum ["CLIENT", "HOUSE", "SUSPENSE"];
entity Purpose enum ["PAYMENT", "TEST_PAYMENT", "FEE_INVOICE", "RESTITUTION"];
entity DestinationClass enum ["DESTINATION", "MANAGED_SAME_OWNER", "MANAGED_HOUSE", "MANAGED_CLIENT"];
entity Weekday enum ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];
entity Category enum ["SELF_HOSTED", "VASP"];
entity Ownership enum ["PROVEN", "CLAIMED", "NONE"];
entity TravelRule enum ["NOT_REQUIRED", "SENT", "ACCEPTED", "REJECTED"];

entity Owner { estate: Estate };
// of the charter
entity Group;
entity Member in [Role, Group];
entity Wallet { owner: Owner, estate: Estate, chain: String, kind: String };

type Destination = {
  // in its one canonical spelling
  address: String,
  class: DestinationClass,
  // whose it is; of a DESTINATION, whose destination it is
  owner: Owner,
  // since it was approved; only a DESTINATION has an age
  ageSeconds?: Long,
  // who keeps it, and what proves that it is its owner's; only of a DESTINATION
  category?: Category,
  ownership?: Ownership,
  // false of a DESTINATION that may not be paid yet, save by test payments
  coolingOver: Bool,
  // whether it could be mistaken for another address that was known when it was approved
  looksLikeKnown: Bool,
  // whether its owner has paid it with a test payment of this asset before
  testPaid: Bool,
};

// Transfers of the same asset, this one counted. Amounts as in amountMillionths. Windows roll; a month is 30 days.
type Spent = { amountMillionths: Long, count: Long };
type Windows = { hour: Spent, day: Spent, week: Spent, month: Spent };

action transfer appliesTo {
  principal: Member,
  resource: Wallet,
  context: {
    purpose: Purpose,
    // CAIP-2 and CAIP-19
    chain: String,
    asset: String,
    symbol: String,
    // Millionths of a whole BTC, ETH or token, rounded up. 9007199254740991 stands for that and everything above it.
    amountMillionths: Long,
    // the exact amount, a decimal string of the smallest unit
    amountExact: String,
    feeMillionths: Long,
    // rounded up; 0 where there is no such rate
    feeRateSatVb: Long,
    // the house's gas payer pays for a Safe; absent where there is none
    feePayer?: Owner,
    // Whose coins are spent, who is paid in any output (change counted; a DESTINATION counts as its owner's), who is
    // paid change; and of what estates they are.
    inputOwners: Set<Owner>,
    inputEstates: Set<Estate>,
    outputOwners: Set<Owner>,
    outputEstates: Set<Estate>,
    changeOwners: Set<Owner>,
    changeEstates: Set<Estate>,
    destination: Destination,
    // The call that pays, in a batch or not: the contract, the 4-byte selector in lower case and the decoded arguments
    // (integers in decimal). Addresses are in their canonical spelling, EIP-55 or lower-case bech32, here as everywhere:
    // a policy that spells one otherwise is refused. "" and empty where no contract is called.
    call: { contract: String, selector: String, arguments: Set<String> },
    // The amount in hundredths of the firm's reference currency, rounded up; only with a fresh price of an attestor.
    amountReference?: Long,
    // what an attestor says of this intent; absent where none does
    travelRule?: TravelRule,
    // out of the wallet, out of all wallets of its owner, of the whole firm, of the owner to this payee, and by this initiator
    velocity: { wallet: Windows, client: Windows, asset: Windows, destination: Windows, initiator: Windows },
    minuteOfDayUtc: Long,
    weekdayUtc: Weekday,
    // by the firm's calendar: a working day that is no holiday, and open hours of one; absent where it has no calendar
    isBusinessDay?: Bool,
    isBusinessHour?: Bool,
    // of the firm's chain
    charterSequence: Long,
  },
};
`;
