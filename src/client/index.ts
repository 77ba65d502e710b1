export { createClient, type Client } from './create-client.ts'
export type { ClientOptions } from './options.ts'
export type { ProviderQuirks } from './entry-options.ts'
export type { PrivateKey } from '../http/client-auth.ts'
export type {
  Authorized,
  AuthorizationRequest,
  ClientStorage,
  UnattendedGrant,
  GrantRequest,
  PreregisteredClient,
  Redirect,
  TokenAnswer,
} from './types.ts'
export { AuthorizationRequiredError, isAuthorizationRequiredError, MismatchError } from './errors.ts'
export { memoryStorage } from './storage/memory-storage.ts'
export {
  clientCredentials,
  enterpriseManaged,
  workloadIdentity,
  type EnterpriseOptions,
} from './tokens/grants.ts'
export { pasteRedirect, type PasteOptions } from './interactive/paste.ts'
export {
  credentialsFromEnvironment,
  type EnvironmentCredentials,
  type EnvironmentOptions,
} from './environment.ts'
