export { createTestIssuer, type TestIssuer, type TestIssuerOptions } from './issuer.ts'
export { refusedTokenNames, type RefusedTokenName } from './refused-tokens.ts'
export type { TestTokenOptions } from './token-options.ts'
export { testClock, type TestClock } from './clock.ts'
export {
  testClient,
  type TestClient,
  type TestClientOptions,
  type TestServer,
  type TestTokens,
} from './test-client.ts'
export type { TestUser } from './user.ts'
