export { createClient, type Client } from './create-client.ts'
export type {
  Authorized,
  AuthorizationRequest,
  ClientOptions,
  PreregisteredClient,
  Redirect,
} from './options.ts'
export { AuthorizationRequiredError, MismatchError } from './errors.ts'
export { memoryStorage, type ClientStorage } from './storage/storage.ts'
export {
  clientCredentials,
  enterpriseManaged,
  workloadIdentity,
  type EnterpriseOptions,
  type Grant,
  type GrantRequest,
} from './tokens/grants.ts'
export { pasteRedirect } from './interactive/paste.ts'
export { credentialsFromEnvironment, type EnvironmentCredentials } from './environment.ts'
