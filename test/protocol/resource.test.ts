import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isLoopbackHost, isSecureOrLoopback } from '../../src/protocol/loopback.ts'
import { canonicalResource, sameResource } from '../../src/protocol/resource.ts'
import {
  authorizationServerMetadataUrls,
  protectedResourceMetadataUrl,
  rootProtectedResourceMetadataUrl,
} from '../../src/protocol/well-known.ts'

const resourceA = 'https://mcp.test/mcp'

describe('MCP Canonical Server URI', () => {
  test.each([
    ['HTTPS://MCP.TEST:443/mcp', resourceA],
    ['HTTP://Localhost:80/MCP', 'http://localhost/MCP'],
    ['https://mcp.test', 'https://mcp.test'],
    ['https://mcp.test/', 'https://mcp.test'],
    ['https://MCP.test:8443/', 'https://mcp.test:8443'],
    ['http://[::1]:3000/mcp', 'http://[::1]:3000/mcp'],
    ['https://mcp.test/mcp/', 'https://mcp.test/mcp/'],
    ['https://mcp.test/mcp?tenant=A', 'https://mcp.test/mcp?tenant=A'],
    ['https://mcp.test/a/../mcp', 'https://mcp.test/a/../mcp'],
    ['https://mcp.test/%6Dcp', 'https://mcp.test/%6Dcp'],
  ])('%s is %s', (text, canonical) => expect(canonicalResource(text)).toBe(canonical))

  test.each([
    ['relative', '/mcp'],
    ['without a scheme', 'mcp.test/mcp'],
    ['fragment', 'https://mcp.test/mcp#x'],
    ['empty fragment', 'https://mcp.test/mcp#'],
    ['user information', 'https://user@mcp.test/mcp'],
    ['another scheme', 'ftp://mcp.test/mcp'],
    ['urn', 'urn:example:mcp'],
    ['one slash', 'https:/mcp.test/mcp'],
    ['no host', 'https:///mcp'],
    ['backslash', 'https://mcp.test\\mcp'],
    ['space', 'https://mcp.test/a b'],
    ['space before', ' https://mcp.test/mcp'],
    ['tab', 'https://mcp.test/\tmcp'],
    ['line end', 'https://mcp.test/mcp\n'],
    ['not ASCII', 'https://mcp.test/münchen'],
    ['percent-encoded host', 'https://mcp%2Etest/mcp'],
    ['host as a number', 'https://2130706433/mcp'],
    ['port without digits', 'https://mcp.test:/mcp'],
    ['port with a zero before it', 'https://mcp.test:0443/mcp'],
    ['port out of range', 'https://mcp.test:99999/mcp'],
    ['wildcard', '*'],
    ['nothing', ''],
  ])('%s is no resource', (_, text) => expect(canonicalResource(text)).toBeUndefined())

  test('G16 which audiences name RES_A', () => {
    expect(sameResource('HTTPS://MCP.TEST:443/mcp', resourceA)).toBe(true)
    for (const other of [
      'https://mcp.test/b/mcp',
      'https://mcp.test',
      'https://mcp.test/mcp/',
      'https://mcp.test/mcp/x',
      'https://mcp.test/MCP',
      'https://mcp.test/mcp?',
      'https://mcp.test.evil.test/mcp',
      'https://mcp.test:444/mcp',
      'http://mcp.test/mcp',
      'https://mcp.test/mcp#',
      'client-id',
      '*',
      '',
    ]) {
      expect(sameResource(other, resourceA), other).toBe(false)
      expect(sameResource(resourceA, other), other).toBe(false)
    }
    expect(sameResource('https://mcp.test', 'https://mcp.test/')).toBe(true)
  })

  test('the canonical form is its own canonical form, and the same resource', () => {
    const arbitrary = fc
      .tuple(
        fc.constantFrom('https', 'http', 'HTTPS', 'Http'),
        fc.constantFrom('mcp.test', 'MCP.Test', '127.0.0.1', '[::1]', 'localhost'),
        fc.constantFrom('', ':443', ':80', ':8443'),
        fc.constantFrom('', '/', '/mcp', '/mcp/', '/A', '/?x=1', '?x=1', '/a/./b'),
      )
      .map(([scheme, host, port, rest]) => `${scheme}://${host}${port}${rest}`)
    fc.assert(
      fc.property(arbitrary, arbitrary, (a, b) => {
        const canonical = canonicalResource(a)!
        expect(canonicalResource(canonical)).toBe(canonical)
        expect(sameResource(a, canonical)).toBe(true)
        expect(sameResource(a, b)).toBe(canonical === canonicalResource(b))
      }),
    )
  })

  test('hostile identifiers of a megabyte are read in linear time', () => {
    for (const text of [
      `https://${'a'.repeat(1e6)}#`,
      `https://${'a:'.repeat(5e5)}@`,
      `https://a/${'?'.repeat(1e6)}#`,
    ])
      expect(canonicalResource(text)).toBeUndefined()
  })
})

test('MCP Communication Security: https, or this machine', () => {
  for (const url of [
    'https://mcp.test',
    'http://127.0.0.1:3000',
    'http://[::1]',
    'http://localhost/x',
    'http://notes.localhost:8787/mcp',
  ])
    expect(isSecureOrLoopback(new URL(url)), url).toBe(true)
  for (const url of ['http://mcp.test', 'http://127.0.0.2', 'http://localhost.evil.test', 'ftp://localhost'])
    expect(isSecureOrLoopback(new URL(url)), url).toBe(false)
  for (const host of [
    '0.0.0.0',
    '127.0.0.2',
    '.localhost',
    'xlocalhost',
    'localhost.',
    'localhost.evil.test',
    '::1',
    '192.168.0.1',
    '',
  ])
    expect(isLoopbackHost(host), host).toBe(false)
})

describe('well-known URLs', () => {
  test.each([
    [resourceA, 'https://mcp.test/.well-known/oauth-protected-resource/mcp'],
    ['https://mcp.test/b/mcp', 'https://mcp.test/.well-known/oauth-protected-resource/b/mcp'],
    ['https://mcp.test', 'https://mcp.test/.well-known/oauth-protected-resource'],
    ['https://mcp.test/', 'https://mcp.test/.well-known/oauth-protected-resource'],
    ['https://mcp.test/mcp/', 'https://mcp.test/.well-known/oauth-protected-resource/mcp'],
    ['https://mcp.test/mcp?t=1', 'https://mcp.test/.well-known/oauth-protected-resource/mcp?t=1'],
    ['http://127.0.0.1:3000/mcp', 'http://127.0.0.1:3000/.well-known/oauth-protected-resource/mcp'],
  ])('PR1 RFC 9728 §3.1: %s', (resource, url) => {
    expect(protectedResourceMetadataUrl(resource)).toBe(url)
    expect(rootProtectedResourceMetadataUrl(resource)).toBe(
      `${new URL(resource).origin}/.well-known/oauth-protected-resource`,
    )
  })

  test('MD1 RFC 8414 §3.1: an issuer with a path, in the order of MCP', () => {
    const urls = [
      'https://as.test/.well-known/oauth-authorization-server/t1',
      'https://as.test/.well-known/openid-configuration/t1',
      'https://as.test/t1/.well-known/openid-configuration',
    ]
    expect(authorizationServerMetadataUrls('https://as.test/t1')).toEqual(urls)
    expect(authorizationServerMetadataUrls('https://as.test/t1/')).toEqual(urls)
  })

  test('MD1 an issuer that is a whole host has two', () => {
    for (const issuer of ['https://as.test', 'https://as.test/'])
      expect(authorizationServerMetadataUrls(issuer)).toEqual([
        'https://as.test/.well-known/oauth-authorization-server',
        'https://as.test/.well-known/openid-configuration',
      ])
  })
})
