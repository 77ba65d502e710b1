// Only exports have headings, so only they have anchors: what points to a member leads to the export that has it.
import {
  DeclarationReflection,
  ReferenceReflection,
  ReflectionKind,
  type Application,
  type RouterTarget,
} from 'typedoc'
import { ModuleRouter } from 'typedoc-plugin-markdown'

export function load(app: Application): void {
  app.renderer.defineRouter('exports', ExportRouter)
}

class ExportRouter extends ModuleRouter {
  protected override buildAnchors(target: RouterTarget, pageTarget: RouterTarget): void {
    if (!(target instanceof DeclarationReflection) || target instanceof ReferenceReflection) return
    if (target.parent?.kindOf(ReflectionKind.Module)) {
      const anchor = this.getSlugger(pageTarget).slug(target.name)
      this.anchors.set(target, anchor)
      this.fullUrls.set(target, `${this.fullUrls.get(pageTarget)}#${anchor}`)
    } else if (target.parent !== undefined && this.hasUrl(target.parent))
      this.fullUrls.set(target, this.getFullUrl(target.parent))
  }
}
