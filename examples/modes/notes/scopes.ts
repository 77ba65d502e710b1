/** What users can allow a client to do. */
export const scopes = { 'notes:read': 'Read your notes', 'notes:write': 'Change your notes' }

/** What each tool needs. A tool that is not named here cannot be called. */
export const needs = {
  'tools/call': {
    list_notes: ['notes:read'],
    read_note: ['notes:read'],
    write_note: ['notes:write'],
  },
}
