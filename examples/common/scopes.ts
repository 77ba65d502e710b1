/** What the user is asked to allow. */
export const scopes = { 'notes:read': 'Read your notes', 'notes:write': 'Change your notes' }

/** What each tool needs, for `operationScopes`. */
export const needs = {
  'tools/call': {
    list_notes: ['notes:read'],
    read_note: ['notes:read'],
    write_note: ['notes:write'],
    who_am_i: ['notes:read'],
  },
}
