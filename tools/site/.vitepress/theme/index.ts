// VitePress' default theme with the system's fonts, and diagrams.
import DefaultTheme from 'vitepress/theme-without-fonts'
import { onMounted, watch } from 'vue'
import { useData, useRoute, type Theme } from 'vitepress'
import { drawDiagrams } from './diagrams.ts'
import './style.css'

export default {
  extends: DefaultTheme,
  setup() {
    const { isDark } = useData()
    const route = useRoute()
    onMounted(() =>
      watch([() => route.path, isDark], () => drawDiagrams(isDark.value), { immediate: true, flush: 'post' }),
    )
  },
} satisfies Theme
