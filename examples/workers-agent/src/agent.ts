// The agent of one session: tools over the user's task list, and what this session can undo.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpAgent } from 'agents/mcp'
import { z } from 'zod'
import type { Props } from './auth.ts'
import type { TaskList } from './list.ts'

/** Lives as long as the session, and survives hibernation. */
interface State {
  changes: { did: 'added' | 'completed'; id: number; title: string }[]
}

export class TaskAgent extends McpAgent<Cloudflare.Env, State, Props> {
  server = new McpServer({ name: 'tasks', version: '1.0.0' })
  override initialState: State = { changes: [] }

  async init(): Promise<void> {
    this.server.registerTool(
      'who_am_i',
      { description: 'Says whose tasks these are', annotations: { readOnlyHint: true } },
      async () => text(`You are ${this.user.name}. Your list holds ${this.user.limit} open tasks.`),
    )
    this.server.registerTool(
      'list_tasks',
      { description: 'Your open tasks, oldest first', annotations: { readOnlyHint: true } },
      async () => {
        const tasks = await this.list.open()
        return text(tasks.map(({ id, title }) => `${id}. ${title}`).join('\n') || 'Nothing to do.')
      },
    )
    this.server.registerTool(
      'add_task',
      {
        description: 'Adds a task to your list',
        inputSchema: { title: z.string().trim().min(1).max(200) },
      },
      async ({ title }) => {
        const id = await this.list.add(title, this.user.limit)
        if (id === undefined)
          return refused(`The list is full: ${this.user.limit} tasks are open. Complete one first.`)
        this.remember({ did: 'added', id, title })
        return text(`Added ${id}. ${title}`)
      },
    )
    this.server.registerTool(
      'complete_task',
      { description: 'Completes a task, by its number', inputSchema: { id: z.number().int().positive() } },
      async ({ id }) => {
        const title = await this.list.complete(id)
        if (title === undefined) return refused(`There is no open task ${id}.`)
        this.remember({ did: 'completed', id, title })
        return text(`Completed ${id}. ${title}`)
      },
    )
    this.server.registerTool(
      'undo',
      { description: 'Takes back the last change of this session' },
      async () => {
        const change = this.state.changes.at(-1)
        if (change === undefined) return refused('This session has changed nothing.')
        if (change.did === 'added') await this.list.remove(change.id)
        else await this.list.reopen(change.id)
        this.setState({ changes: this.state.changes.slice(0, -1) })
        return text(`No longer ${change.did}: ${change.id}. ${change.title}`)
      },
    )
  }

  private remember(change: State['changes'][number]): void {
    this.setState({ changes: [...this.state.changes, change].slice(-20) })
  }

  private get user(): Props {
    if (this.props === undefined) throw new Error('An agent without props: it runs behind the guard only')
    return this.props
  }

  private get list(): DurableObjectStub<TaskList> {
    return this.env.TASKS.getByName(this.user.user)
  }
}

const text = (text: string) => ({ content: [{ type: 'text' as const, text }] })
const refused = (reason: string) => ({ ...text(reason), isError: true })
