import { wrongAttributes } from './key-attributes.js';
import { type KeyAttributes } from './protocol.js';

const staying: KeyAttributes = {
  ...{ sensitive: true, extractable: false, alwaysSensitive: true, neverExtractable: true, local: true },
  ...{ sign: true, signRecover: false, decrypt: false, unwrap: false, derive: false },
};
const wrappable = { ...staying, extractable: true, neverExtractable: false };
const restored = { ...staying, alwaysSensitive: false, neverExtractable: false, local: false };

describe('the attributes of a custody key', () => {
  it('are those of a key that was made here and cannot leave', () => {
    expect(wrongAttributes(staying, 'none')).toEqual([]);
  });

  it.each(Object.keys(staying) as (keyof KeyAttributes)[])('are wrong when %s is the other way', (name) => {
    expect(wrongAttributes({ ...staying, [name]: !staying[name] }, 'none')).toEqual([name]);
    expect(wrongAttributes({ ...staying, [name]: !staying[name] }, 'wrapped')).not.toEqual([]);
  });

  it('allow a key that may leave wrapped, or came back so, only where the profile says it', () => {
    for (const key of [wrappable, restored]) {
      expect(wrongAttributes(key, 'wrapped')).toEqual([]);
      expect(wrongAttributes(key, 'none')).not.toEqual([]);
    }
  });

  it('never allow a key from elsewhere that may leave again, nor one that can be read', () => {
    expect(wrongAttributes({ ...restored, extractable: true }, 'wrapped')).not.toEqual([]);
    for (const key of [staying, wrappable, restored])
      expect(wrongAttributes({ ...key, sensitive: false }, 'wrapped')).toEqual(['sensitive']);
  });
});
