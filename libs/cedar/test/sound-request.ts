import { entity, uid, type PolicyRequest } from '../src/index.js';

const spent = { amountMillionths: 600, count: 1 };
const windows = { hour: spent, day: spent, week: spent, month: spent };
/** A question with every fact of the schema. */
export const SOUND: PolicyRequest = {
  principal: uid('Member', 'olivia'),
  action: uid('Action', 'transfer'),
  resource: uid('Wallet', 'alpha-btc'),
  entities: [
    { uid: uid('Member', 'olivia'), attrs: {}, parents: [uid('Role', 'operator'), uid('Group', 'treasury')] },
    {
      uid: uid('Wallet', 'alpha-btc'),
      attrs: { owner: entity('Owner', 'alpha'), estate: entity('Estate', 'CLIENT'), chain: 'c', kind: 'safe' },
      parents: [],
    },
    { uid: uid('Owner', 'alpha'), attrs: { estate: entity('Estate', 'CLIENT') }, parents: [] },
  ],
  context: {
    purpose: entity('Purpose', 'PAYMENT'),
    chain: 'c',
    asset: 'a',
    symbol: 'BTC',
    amountMillionths: 600,
    amountExact: '60000',
    feeMillionths: 10,
    feeRateSatVb: 1,
    feePayer: entity('Owner', 'alpha'),
    inputOwners: [entity('Owner', 'alpha')],
    inputEstates: [entity('Estate', 'CLIENT')],
    outputOwners: [entity('Owner', 'alpha')],
    outputEstates: [entity('Estate', 'CLIENT')],
    changeOwners: [],
    changeEstates: [],
    destination: {
      address: 'x',
      class: entity('DestinationClass', 'DESTINATION'),
      owner: entity('Owner', 'alpha'),
      ageSeconds: 5,
      category: entity('Category', 'VASP'),
      ownership: entity('Ownership', 'PROVEN'),
      coolingOver: true,
      looksLikeKnown: false,
      testPaid: false,
    },
    call: { contract: '', selector: '', arguments: [] },
    amountReference: 5,
    travelRule: entity('TravelRule', 'SENT'),
    velocity: { wallet: windows, client: windows, asset: windows, destination: windows, initiator: windows },
    minuteOfDayUtc: 0,
    weekdayUtc: entity('Weekday', 'MONDAY'),
    isBusinessDay: true,
    isBusinessHour: false,
    charterSequence: 1,
  },
};
