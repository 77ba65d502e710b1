import type { AuthorizationServerMetadata } from './metadata.ts'

/**
 * Mix-up (RFC 9207 §2.4): `iss` is the server that was asked, compared exactly, for codes and for errors. It
 * must be there if the server's metadata say so. What is wrong, or undefined.
 */
export function issuerProblem(
  parameters: URLSearchParams,
  { issuer, authorization_response_iss_parameter_supported: required = false }: AuthorizationServerMetadata,
): string | undefined {
  const values = parameters.getAll('iss')
  if (values.length > 1) return 'The answer has several "iss" parameters'
  const [iss] = values
  if (iss === undefined ? !required : iss === issuer) return undefined
  return (
    'The answer does not come from the authorization server that was asked: ' +
    `"iss" must be ${JSON.stringify(issuer)}; got ${iss === undefined ? 'nothing' : JSON.stringify(iss)}`
  )
}
