// What the environment asks for. A variable of the other mode is not read, so both may lie in one file.
import { Buffer } from 'node:buffer'

/** A variable is missing or wrong. The message names it, and quotes no secret. */
export class SettingError extends Error {}

export interface Settings {
  port: number
  /** The address of this machine to listen on. */
  host: string
  /** Where clients reach this server: an origin. */
  publicUrl: string
  authorization: Internal | External
}

/** This program issues the tokens. */
export interface Internal {
  mode: 'internal'
  secret: string
  passwordHash: string
  database: string
}

/** Another authorization server issues the tokens: JWTs, or opaque ones with `introspection`. */
export interface External {
  mode: 'external'
  issuer: string
  introspection: Introspection | undefined
}

interface Introspection {
  url: string
  clientId: string
  clientSecret: string
}

/** The value of a variable; undefined if it is not set, or empty. */
type Read = (name: string) => string | undefined

/** Throws SettingError for the first variable that is missing or wrong. */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const read: Read = (name) => environment[name]?.trim() || undefined
  const authorization = readAuthorization(read)
  const port = readPort(read)
  return {
    port,
    // Loopback only, unless a container asks for more.
    host: read('HOST') ?? '127.0.0.1',
    publicUrl: readPublicUrl(read, port),
    authorization,
  }
}

function readAuthorization(read: Read): Internal | External {
  const mode = read('AUTH_MODE')
  switch (mode) {
    case 'internal':
      return {
        mode,
        secret: readSecret(read),
        passwordHash: required(read, 'OWNER_PASSWORD_HASH', 'Make one with: npx tollgate password'),
        database: read('DATABASE') ?? 'tollgate.db',
      }
    case 'external':
      return {
        mode,
        issuer: readServerUrl(
          read,
          'AUTH_SERVER_URL',
          'It is the issuer, for example https://login.example.com',
        ),
        introspection: readIntrospection(read),
      }
    default:
      // No default: a typing error must not choose who issues the tokens.
      throw new SettingError(`AUTH_MODE must be "internal" or "external"; got ${shown(mode)}`)
  }
}

function readSecret(read: Read): string {
  const hint = 'Make one with: openssl rand -base64 32'
  const secret = required(read, 'TOLLGATE_SECRET', hint)
  const bytes = Buffer.byteLength(secret)
  if (bytes < 32) throw new SettingError(`TOLLGATE_SECRET must have at least 32 bytes; got ${bytes}. ${hint}`)
  return secret
}

/** All three or none: with a part of them, opaque tokens would be refused as bad JWTs. */
function readIntrospection(read: Read): Introspection | undefined {
  const names = ['INTROSPECTION_URL', 'INTROSPECTION_CLIENT_ID', 'INTROSPECTION_CLIENT_SECRET'] as const
  if (names.every((name) => read(name) === undefined)) return undefined
  const hint = `It belongs to ${names.filter((name) => read(name) !== undefined).join(' and ')}`
  return {
    url: readServerUrl(read, 'INTROSPECTION_URL', hint),
    clientId: required(read, 'INTROSPECTION_CLIENT_ID', hint),
    clientSecret: required(read, 'INTROSPECTION_CLIENT_SECRET', hint),
  }
}

/** Where another server is, exactly as written: issuers are compared as text. */
function readServerUrl(read: Read, name: string, hint: string): string {
  const value = required(read, name, hint)
  if (!isSecure(value))
    throw new SettingError(`${name} must be an https URL, or http on this machine; got ${shown(value)}`)
  return value
}

function readPort(read: Read): number {
  const port = read('PORT') ?? '8787'
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535)
    throw new SettingError(`PORT must be a number from 1 to 65535; got ${shown(port)}`)
  return Number(port)
}

function readPublicUrl(read: Read, port: number): string {
  const publicUrl = read('PUBLIC_URL') ?? `http://127.0.0.1:${port}`
  // Clients compare the resource as text, so it has one spelling.
  if (!isSecure(publicUrl) || new URL(publicUrl).origin !== publicUrl)
    throw new SettingError(
      `PUBLIC_URL must be an https origin without a path or a slash at its end, for example ` +
        `https://notes.example.com, or http on this machine; got ${shown(publicUrl)}`,
    )
  return publicUrl
}

/** Tokens and secrets cross no network in the clear. */
function isSecure(value: string): boolean {
  if (!URL.canParse(value)) return false
  const { protocol, hostname } = new URL(value)
  const isHere = ['127.0.0.1', '[::1]', 'localhost'].includes(hostname)
  return protocol === 'https:' || (protocol === 'http:' && isHere)
}

function required(read: Read, name: string, hint: string): string {
  const value = read(name)
  if (value === undefined) throw new SettingError(`${name} must be set. ${hint}`)
  return value
}

const shown = (value: string | undefined): string => (value === undefined ? 'nothing' : JSON.stringify(value))
