// The part of mcp-framework's own types that mcp-framework.ts compiles against; not published.
declare module 'mcp-framework' {
  export class OAuthAuthProvider {
    constructor(config: {
      authorizationServers: string[]
      resource: string
      validation: { type: 'jwt'; jwksUri: string; audience: string; issuer: string }
    })
    authenticate(
      req: import('node:http').IncomingMessage,
    ): Promise<boolean | { data?: Record<string, unknown> }>
    getAuthError(): { status: number; message: string }
    getWWWAuthenticateHeader(error?: string, errorDescription?: string): string
    getAuthorizationServers(): string[]
    getResource(): string
  }
}
