/** The language of policies: Cedar with one published schema, read strictly, evaluated so that every doubt is a no. */
export { DEFAULT_POLICIES } from './default-policies.js';
export { matchPolicies, MOST_EVALUATION_MS, type Matches, type PolicySlice } from './evaluate.js';
export { formatPolicy, MAX_POLICY_LENGTH, parsePolicy, type Rule } from './language.js';
export { isJson, pathOf, pathsIn, textsIn } from './paths.js';
export { entity, uid, type EntityType, type PolicyRequest } from './request.js';
export { POLICY_SCHEMA } from './schema.js';
