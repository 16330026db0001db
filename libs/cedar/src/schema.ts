/** The published Cedar schema (docs/policies/bulkhead.cedarschema): every fact that a policy may speak of. */
export const POLICY_SCHEMA = `// The facts that a policy may speak of. A policy that names anything else is refused when it is proposed.

entity Role enum ["operator", "compliance"];
entity Estate enum ["CLIENT", "HOUSE", "SUSPENSE"];
entity Purpose enum ["PAYMENT", "TEST_PAYMENT", "FEE_INVOICE", "RESTITUTION"];
entity DestinationClass enum ["DESTINATION", "MANAGED_SAME_OWNER", "MANAGED_HOUSE", "MANAGED_CLIENT"];
entity Weekday enum ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];

entity Owner { estate: Estate };
entity Member in [Role];
entity Wallet { owner: Owner, estate: Estate, chain: String, kind: String };

type Destination = {
  // in its one canonical spelling
  address: String,
  class: DestinationClass,
  // whose it is; of a DESTINATION, whose destination it is
  owner: Owner,
  // since it was approved; only a DESTINATION has an age
  ageSeconds?: Long,
};

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
    // whose coins are spent, and who is paid change
    inputOwners: Set<Owner>,
    changeOwners: Set<Owner>,
    destination: Destination,
    // what the bytes call: a contract and the 4-byte selector, both "" where no contract is called
    call: { contract: String, selector: String },
    minuteOfDayUtc: Long,
    weekdayUtc: Weekday,
    // of the firm's chain
    charterSequence: Long,
  },
};
`;
