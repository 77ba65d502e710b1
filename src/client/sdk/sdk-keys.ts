import { recordKeys } from '../record-keys.ts'

/** The keys of one provider's records: by server and subject. */
export function sdkKeys(server: string, subject: string): SdkKeys {
  const keyOf = (name: string): Promise<string> => recordKeys.sdk(JSON.stringify([name, server, subject]))
  return {
    flow: () => keyOf('state'),
    client: () => keyOf('client'),
    verifier: () => keyOf('verifier'),
    discovery: () => keyOf('discovery'),
    tokenIssuer: () => keyOf('issuer'),
    codeIssuer: () => keyOf('asked'),
    tokens: (issuer) => recordKeys.tokens(issuer, `sdk ${server}`, subject),
  }
}

interface SdkKeys {
  flow(): Promise<string>
  client(): Promise<string>
  verifier(): Promise<string>
  discovery(): Promise<string>
  /** The issuer of the latest tokens: reads for a single request name none, and SDK v1 never does. */
  tokenIssuer(): Promise<string>
  /** The issuer that was asked for the code. */
  codeIssuer(): Promise<string>
  tokens(issuer: string): Promise<string>
}
