// What users are asked to allow, and what each tool needs: those that `tollgate create` writes, and one more tool.
import { needs as created } from '../create/common/src/scopes.ts'
export { scopes } from '../create/common/src/scopes.ts'

/** For `operationScopes`. */
export const needs = { 'tools/call': { ...created['tools/call'], who_am_i: ['notes:read'] } }
