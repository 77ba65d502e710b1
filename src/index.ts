export { createResourceServer } from './resource-server/resource-server.ts'
export { jwtVerifier } from './resource-server/verify/jwt.ts'
export { firstOf } from './resource-server/verify/first-of.ts'
export {
  ConfigurationError,
  InsufficientScopeError,
  InvalidTokenError,
  isConfigurationError,
  isInsufficientScopeError,
  isInvalidTokenError,
  isOAuthError,
  isUnavailableError,
  OAuthError,
  UnavailableError,
} from './errors.ts'

export type {
  AdmitNeed,
  AdmittedRequest,
  Need,
  OperationJudge,
  OperationJudgement,
  ProtectNeed,
  ResourceOptions,
  ResourceServer,
  ResourceServerOptions,
  ScopesFromClaims,
} from './resource-server/types.ts'
export type { JwtVerifierOptions } from './resource-server/verify/jwt.ts'
export type { OAuthErrorOptions } from './errors.ts'
export type * from './types.ts'
