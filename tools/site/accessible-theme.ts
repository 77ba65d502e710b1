// Corrections of VitePress' default theme for screen readers and the keyboard; axe-core finds these.

/** Of a component: what is replaced, and by what. */
const corrections: Readonly<Record<string, readonly (readonly [from: string, to: string])[]>> = {
  // The window is a dialog, not a button; a key has no name but its text; a result is one element to go to, named
  // by what it shows.
  'VPLocalSearchBox.vue': [
    ['role="button"', 'role="dialog" aria-modal="true"'],
    ['<kbd :aria-label="', '<kbd role="img" :aria-label="'],
    [
      `:id="'localsearch-item-' + index"
            :aria-selected="selectedIndex === index ? 'true' : 'false'"
            role="option"`,
      'role="none"',
    ],
    [
      `:aria-label="[...p.titles, p.title].join(' > ')"`,
      `:id="'localsearch-item-' + index" :aria-selected="selectedIndex === index ? 'true' : 'false'" role="option"`,
    ],
  ],
  // The name of the button is what it shows: the style sheet writes the keys.
  'VPNavBarSearchButton.vue': [['>K</kbd>', ' data-key="K"></kbd>']],
  'NotFound.vue': [['<div class="NotFound">', '<div class="NotFound" role="main">']],
  // The heading of a group that does not fold is no button.
  'VPSidebarItem.vue': [
    [':role="itemRole"', ':role="collapsible ? itemRole : undefined"'],
    [':tabindex="item.items && 0"', ':tabindex="collapsible && !isLink ? 0 : undefined"'],
  ],
}

interface Plugin {
  name: string
  enforce: 'pre'
  transform(code: string, id: string): string | undefined
}

/** A plugin for Vite. */
export function accessibleTheme(): Plugin {
  return {
    name: 'accessible-theme',
    enforce: 'pre',
    transform(code, id) {
      const component = Object.keys(corrections).find((name) => id.endsWith(`/${name}`))
      if (component === undefined) return undefined
      return corrections[component]!.reduce((text, [from, to]) => {
        // A new VitePress may need no correction, or another one.
        if (!text.includes(from)) throw new Error(`${component} has no ${from}`)
        return text.replaceAll(from, to)
      }, code)
    },
  }
}
