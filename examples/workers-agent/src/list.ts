// The tasks of one user, for all of the user's sessions.
import { DurableObject } from 'cloudflare:workers'

export interface Task extends Record<string, SqlStorageValue> {
  id: number
  title: string
}

export class TaskList extends DurableObject<Cloudflare.Env> {
  private readonly sql = this.ctx.storage.sql

  constructor(context: DurableObjectState, env: Cloudflare.Env) {
    super(context, env)
    this.sql.exec(
      'CREATE TABLE IF NOT EXISTS tasks (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0)',
    )
  }

  open(): Task[] {
    return this.sql.exec<Task>('SELECT id, title FROM tasks WHERE done = 0 ORDER BY id').toArray()
  }

  /** The number of the new task; undefined if `limit` tasks are open. */
  add(title: string, limit: number): number | undefined {
    if (this.open().length >= limit) return undefined
    return this.sql.exec<{ id: number }>('INSERT INTO tasks (title) VALUES (?) RETURNING id', title).one().id
  }

  /** Its title; undefined if there is no open task of this number. */
  complete(id: number): string | undefined {
    const sql = 'UPDATE tasks SET done = 1 WHERE id = ? AND done = 0 RETURNING id, title'
    return this.sql.exec<Task>(sql, id).toArray()[0]?.title
  }

  reopen(id: number): void {
    this.sql.exec('UPDATE tasks SET done = 0 WHERE id = ?', id)
  }

  remove(id: number): void {
    this.sql.exec('DELETE FROM tasks WHERE id = ?', id)
  }
}
