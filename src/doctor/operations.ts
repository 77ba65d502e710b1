import type { Finding } from '../types.ts'
import { finding } from './finding.ts'

/** The operation rules and what they are for. */
export interface RegisteredOperations {
  /** What `operationScopes({ … })` of `tollgate/operations` returned. */
  readonly rules: {
    unmatched(names: {
      tools?: readonly string[]
      prompts?: readonly string[]
      resources?: readonly string[]
    }): string[]
  }
  /** Names of the registered tools. Default: rules for tools are not compared. */
  readonly tools?: readonly string[]
  /** Names of the registered prompts. Default: rules for prompts are not compared. */
  readonly prompts?: readonly string[]
  /** URIs of the registered resources. Default: rules for resources are not compared. */
  readonly resources?: readonly string[]
}

/** A rule that matches nothing that is registered protects nothing. */
export function checkOperations(operations: RegisteredOperations | undefined): Finding[] {
  if (operations === undefined) return []
  const { rules, ...names } = operations
  return rules
    .unmatched(names)
    .map((rule) =>
      finding(
        'error',
        'operations.unmatched-rule',
        `the rule "${rule}" matches nothing that the server has registered, so it protects nothing`,
        'correct the name in the rule, or remove the rule',
      ),
    )
}
