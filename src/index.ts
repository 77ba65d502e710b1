export { createResourceServer } from './resource-server/resource-server.ts'
export type {
  Need,
  OperationJudge,
  OperationJudgement,
  ProtectNeed,
  ResourceOptions,
  ResourceServer,
  ResourceServerOptions,
  ScopesFromClaims,
} from './resource-server/types.ts'
export {
  ConfigurationError,
  InsufficientScopeError,
  InvalidTokenError,
  OAuthError,
  UnavailableError,
} from './errors.ts'
export type { OAuthErrorOptions } from './errors.ts'
export type * from './types.ts'
