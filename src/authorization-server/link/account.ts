import { html } from 'hono/html'

import { actionForm, time } from '../page/account.ts'
import { brandName, lookOf, type Html } from '../page/layout.ts'
import { cleanText } from '../page/text.ts'
import type { LinkContext, LinkProvider } from './provider.ts'
import { readLink, type LinkRecord } from './record.ts'

/**
 * The section of the account page with the linked accounts, each with a button that unlinks it; undefined if
 * there are none. One read for each provider of the configuration: there is no index that could drift.
 */
export async function linkedSection(
  { context, providers }: LinkContext,
  subject: string,
  form: { readonly path: string; readonly sealed: string },
): Promise<Html | undefined> {
  const found = await Promise.all(
    [...providers.values()].map(async (each) => [each, await readLink(context, subject, each)] as const),
  )
  const now = context.runtime.clock()
  const rows = found.flatMap(([each, record]) => (record ? [linkedAccount(each, record, form, now)] : []))
  if (rows.length === 0) return undefined
  return html`<h2 class="next">Linked accounts</h2>
    <p class="soft">
      Your apps can use these accounts through <bdi>${brandName(lookOf(context))}</bdi>. They stay linked if
      you disconnect a single app; disconnecting all apps at once unlinks them.
    </p>
    <ul class="clients">
      ${rows}
    </ul>`
}

function linkedAccount(
  { name, label }: LinkProvider,
  record: LinkRecord,
  form: { readonly path: string; readonly sealed: string },
  now: number,
): Html {
  const provider = cleanText(label)
  const account = cleanText(record.name ?? record.account)
  return html`<li>
    <div>
      <h3><bdi>${provider}</bdi></h3>
      <p class="soft"><bdi>${account}</bdi> · linked ${time(record.created, now)}</p>
    </div>
    ${actionForm(form, 'unlink', {
      field: ['link', name],
      text: 'Unlink',
      label: `Unlink ${provider} account ${account}`,
    })}
  </li> `
}
