import { describe, expect, test, vi } from 'vitest'
import * as errors from '../../src/errors.ts'
import type { OAuthError } from '../../src/errors.ts'

const {
  isConfigurationError,
  isInsufficientScopeError,
  isInvalidTokenError,
  isOAuthError,
  isUnavailableError,
} = errors
const guards = {
  isOAuthError,
  isConfigurationError,
  isInvalidTokenError,
  isInsufficientScopeError,
  isUnavailableError,
}

/** Names of the guards that say yes. */
const kindsOf = (value: unknown): string[] =>
  Object.entries(guards)
    .filter(([, guard]) => guard(value))
    .map(([name]) => name)

const made = ({
  ConfigurationError,
  InsufficientScopeError,
  InvalidTokenError,
  OAuthError,
  UnavailableError,
}: typeof errors): [unknown, string[]][] => [
  [new OAuthError('invalid_grant', 'x'), ['isOAuthError']],
  [new InvalidTokenError('x'), ['isOAuthError', 'isInvalidTokenError']],
  [new InsufficientScopeError(['a']), ['isOAuthError', 'isInsufficientScopeError']],
  [new UnavailableError('x'), ['isOAuthError', 'isUnavailableError']],
  [new ConfigurationError('issuer', 'must be a URL; it is required'), ['isConfigurationError']],
]

describe('the guards of errors', () => {
  test('tell the kinds apart', () => {
    for (const [error, kinds] of made(errors)) expect(kindsOf(error), String(error)).toEqual(kinds)
  })

  test('recognise the errors of another copy of the module, for which instanceof fails', async () => {
    vi.resetModules()
    const copy = await import('../../src/errors.ts')
    expect(copy.OAuthError).not.toBe(errors.OAuthError)
    for (const [error, kinds] of made(copy)) {
      expect(error).not.toBeInstanceOf(errors.OAuthError)
      expect(error).not.toBeInstanceOf(errors.ConfigurationError)
      expect(kindsOf(error), String(error)).toEqual(kinds)
    }
  })

  test('refuse everything else, also what only looks like an error of ours', () => {
    const lookalike = { name: 'OAuthError', code: 'invalid_token', status: 401, scopes: [], message: 'x' }
    for (const value of [undefined, null, 'x', 7, {}, new Error('x'), lookalike, () => 1, [lookalike]])
      expect(kindsOf(value)).toEqual([])
  })

  test('the brand is not printed', () => {
    for (const [error] of made(errors)) {
      expect(Object.getOwnPropertySymbols(JSON.parse(JSON.stringify(error)))).toEqual([])
      expect(Object.entries(error as object).map(([name]) => name)).not.toContain('tollgate.error')
    }
  })

  test('the types are narrowed', () => {
    const read = (error: unknown): unknown => {
      if (isInsufficientScopeError(error)) return error.scopes
      if (isConfigurationError(error)) return error.option
      if (isUnavailableError(error)) return error.retryAfter
      // What is not unavailable is still an OAuthError.
      if (isOAuthError(error)) return (error satisfies OAuthError).code
      return undefined
    }
    expect(made(errors).map(([error]) => read(error))).toEqual([
      'invalid_grant',
      'invalid_token',
      ['a'],
      5,
      'issuer',
    ])
  })
})
