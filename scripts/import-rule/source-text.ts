/** One import, re-export, dynamic import or worker URL of a file. */
export interface ImportStatement {
  readonly specifier: string
  /** The names between braces, as the other module calls them; `*` and `default` for these forms. `import()` imports everything: `*`. */
  readonly names: readonly string[]
  /** Whether it is the URL of a program: `new URL('./x.ts', import.meta.url)`. */
  readonly isUrl: boolean
  readonly line: number
}

/**
 * The text with comments blanked out (lines and columns stay), so that patterns do not match in them.
 * With `strings` the contents of string literals are blanked too; `${...}` in templates is not looked into.
 */
export function withoutComments(text: string, options: { readonly strings: boolean }): string {
  const token =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g
  return text.replace(token, (found) => {
    const isComment = found.startsWith('//') || found.startsWith('/*')
    return isComment || options.strings ? found.replace(/[^\n]/g, ' ') : found
  })
}

/** All imports of a TypeScript source. Never throws: `tsc` refuses an import that this cannot read. */
export function importsOf(text: string): ImportStatement[] {
  const code = withoutComments(text, { strings: false })
  const patterns = [
    /\b(?:import|export)\s*(?:type\b\s*)?(?<clause>(?:[\w$]+\s*,?\s*)?(?:\*(?:\s*as\s+[\w$]+)?|\{[^{}]*\})?)\s*from\s*(?<quote>['"])(?<specifier>[^'"]+)\k<quote>/g,
    /\bimport\s*(?<clause>)(?<quote>['"])(?<specifier>[^'"]+)\k<quote>/g,
    /\b(?:import|require|getBuiltinModule)\s*\(\s*(?<clause>)(?<quote>['"`])(?<specifier>[^'"`]+)\k<quote>/g,
    /\bnew\s+URL\s*\(\s*(?<clause>)(?<quote>['"])(?<specifier>\.[^'"]+)\k<quote>\s*,\s*import\.meta\.url/g,
  ]
  const found: ImportStatement[] = []
  for (const pattern of patterns) {
    for (const match of code.matchAll(pattern)) {
      const { clause = '', specifier = '' } = match.groups ?? {}
      const whole = match[0].includes('(')
      const names = whole ? ['*'] : namesOf(clause)
      const isUrl = match[0].startsWith('new')
      found.push({ specifier, names, isUrl, line: lineAt(code, match.index) })
    }
  }
  return found.sort((a, b) => a.line - b.line)
}

function namesOf(clause: string): string[] {
  const braces = /\{(?<inside>[^}]*)\}/.exec(clause)?.groups?.['inside']
  const names = (braces ?? '')
    .split(',')
    .map((name) => name.trim().replace(/^type\s+/, ''))
    .map((name) => name.split(/\s+as\s+/)[0] ?? '')
    .filter((name) => name !== '')
  const outside = clause.replace(/\{[^}]*\}/, '')
  if (outside.includes('*')) names.push('*')
  else if (/[\w$]/.test(outside)) names.push('default')
  return names
}

/** The 1-based line of an offset. */
export function lineAt(text: string, offset: number): number {
  let line = 1
  for (let i = text.indexOf('\n'); i !== -1 && i < offset; i = text.indexOf('\n', i + 1)) line++
  return line
}
