// How a page looks: a heading for each export, and its members as one list, with the comment below each.
import {
  ReferenceReflection,
  ReflectionKind,
  ReflectionType,
  type Application,
  type Comment,
  type DeclarationHierarchy,
  type DeclarationReflection,
  type ProjectReflection,
  type Reflection,
  type SignatureReflection,
} from 'typedoc'
import { MarkdownTheme, type MarkdownPageEvent, type MarkdownThemeContext } from 'typedoc-plugin-markdown'
import { indexOf } from './roles.ts'

export function load(app: Application): void {
  app.renderer.defineTheme('exports', Theme)
}

class Theme extends MarkdownTheme {
  override getRenderContext(page: MarkdownPageEvent<Reflection>): MarkdownThemeContext {
    const context = super.getRenderContext(page)
    const plain = { ...context.partials }
    const membered = ReflectionKind.Class | ReflectionKind.Interface | ReflectionKind.TypeAlias
    Object.assign(context.partials, {
      body(model: DeclarationReflection | ProjectReflection, options: { headingLevel: number }) {
        if (model.isProject()) return indexOf(model, context)
        if (model.kindOf(membered)) return listMembers(model, context)
        return plain.body(model, options)
      },
      members(model: DeclarationReflection[], options: { headingLevel: number }) {
        const references = model.filter((each) => each instanceof ReferenceReflection)
        return references.length === 0 ? plain.members(model, options) : linksTo(references, context)
      },
      // Tags get no headings: there would be more of these than of exports.
      comment: (model: Comment, options: object) =>
        plain.comment(model, { ...options, headingLevel: undefined }),
      hierarchy: (model: DeclarationHierarchy) => describeParents(model, context),
      inheritance: () => '',
      // The types stand in the signature.
      signatureReturns: (model: SignatureReflection) => listParameters(model, context),
    } satisfies Partial<Record<keyof MarkdownThemeContext['partials'], unknown>>)
    return context
  }
}

/** What another page describes. */
function linksTo(references: readonly ReferenceReflection[], context: MarkdownThemeContext): string {
  return references
    .map((reference) => `[${reference.name}](${context.urlTo(reference.getTargetReflectionDeep())})`)
    .sort()
    .join(', ')
}

/** What is extended, unless it is internal. */
function describeParents({ isTarget, types }: DeclarationHierarchy, context: MarkdownThemeContext): string {
  if (isTarget) return ''
  const parents = types
    .map((type) => context.helpers.getHierarchyType(type, { isTarget: false }))
    .filter((parent) => parent.includes('](') || parent === '`Error`')
  return parents.length === 0 ? '' : `Extends ${parents.join(', ')}.`
}

/** The parameters that have a comment of their own. */
function listParameters({ parameters = [] }: SignatureReflection, context: MarkdownThemeContext): string {
  return parameters
    .flatMap(({ name, comment, type }) => [
      { name, comment },
      ...(type instanceof ReflectionType ? (type.declaration.children ?? []) : []).map((option) => ({
        name: `${name}.${option.name}`,
        comment: option.comment,
      })),
    ])
    .filter(({ comment }) => comment !== undefined)
    .map(({ name, comment }) => item(`\`${name}\``, context.partials.comment(comment!)))
    .join('\n')
}

/** A subclass lists only its own members; an interface all of them, so that the options of a function stand together. */
function listMembers(model: DeclarationReflection, context: MarkdownThemeContext): string {
  const members = model.children?.filter(
    (member) => !model.kindOf(ReflectionKind.Class) || member.inheritedFrom === undefined,
  )
  return context.helpers
    .getFlattenedDeclarations(members ?? [])
    .flatMap((member) =>
      member.signatures === undefined
        ? [describeProperty(member, context)]
        : member.signatures.map((signature) => describeMethod(signature, context)),
    )
    .join('\n')
}

function describeProperty(member: DeclarationReflection, context: MarkdownThemeContext): string {
  const type = context.helpers.getDeclarationType(member)
  return item(
    `**\`${member.name}${member.flags.isOptional ? '?' : ''}\`**` +
      (type === undefined ? '' : `: ${context.partials.someType(type)}`),
    member.comment && context.partials.comment(member.comment),
  )
}

function describeMethod(signature: SignatureReflection, context: MarkdownThemeContext): string {
  const { comment } = signature
  return item(
    context.partials.signatureTitle(signature).replace(/^> /, ''),
    [comment && context.partials.comment(comment), listParameters(signature, context)]
      .filter(Boolean)
      .join('\n\n'),
  )
}

/** A point of a list, with paragraphs. */
function item(title: string, text = ''): string {
  return `- ${title}\n\n${text}`.trim().replaceAll(/\n+(?=.)/g, (lines) => `${lines}  `) + '\n'
}
