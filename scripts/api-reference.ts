/**
 * Builds the API reference in docs/api from the doc comments of what is public: `npm run docs`, or `scripts/run scripts/api-reference.ts DIRECTORY`. Exit code 1 when a public name has
 * no doc comment, a function no example, or a comment leads nowhere.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = join(import.meta.dirname, '..')
const out = process.argv[2] ?? join(root, 'docs/api')

/** The public entries; a name that several have is described in the first. */
const ENTRIES = ['src/api/errors.ts', 'src/api/image.ts', 'src/api/qmp.ts', 'src/index.ts']

/** Types that a public declaration mentions and that are shown there in full, so that they need no entry of their own. */
const SHOWN_IN_PLACE = ['Parameters', 'Plain', 'Query', 'NarrowedTo']

const DOCUMENTED = ['Class', 'Interface', 'TypeAlias', 'Function', 'Method', 'Variable', 'Accessor']

// What is used of typedoc. Its own types are only there where `npm run setup` has been run.
interface Comment {
  readonly blockTags: readonly { readonly tag: string }[]
}
interface Reflection {
  readonly name: string
  readonly kind: number
  readonly inheritedFrom?: unknown
  readonly signatures?: readonly { readonly comment?: Comment }[]
  readonly comment?: Comment
  readonly parent?: Reflection
  readonly children?: readonly Reflection[]
  groups?: { children: readonly Reflection[] }[] | undefined
  getFullName(): string
}
interface Project {
  getReflectionsByKind(kind: number): readonly Reflection[]
  removeReflection(reflection: Reflection): void
}
interface Application {
  readonly logger: { hasErrors(): boolean; hasWarnings(): boolean }
  convert(): Promise<Project | undefined>
  validate(project: Project): void
  generateOutputs(project: Project): Promise<void>
}
interface Typedoc {
  readonly Application: { bootstrapWithPlugins(options: object): Promise<Application> }
  readonly ReflectionKind: Readonly<Record<string, number>>
}

const tools = createRequire(join(root, 'node_modules/stasis-tools/package.json'))
const typedoc = (await import(pathToFileURL(tools.resolve('typedoc')).href)) as Typedoc
const { ReflectionKind } = typedoc
const kind = (...names: readonly string[]): number =>
  names.reduce((sum, name) => sum | (ReflectionKind[name] ?? 0), 0)

process.exitCode = (await build()) ? 0 : 1

async function build(): Promise<boolean> {
  const app = await typedoc.Application.bootstrapWithPlugins({
    entryPoints: ENTRIES.map((path) => join(root, path)),
    // The tests and the scripts are not part of it, and to check them takes as long again.
    tsconfig: join(root, 'tsconfig.build.json'),
    plugin: [tools.resolve('typedoc-plugin-markdown')],
    outputs: [{ name: 'markdown', path: out }],
    router: 'module',
    readme: 'none',
    name: 'API reference',
    logLevel: 'Warn',
    excludeInternal: true,
    excludePrivate: true,
    excludeExternals: true,
    disableSources: true,
    disableGit: true,
    githubPages: false,
    hideGenerator: true,
    hideBreadcrumbs: true,
    hidePageHeader: true,
    parametersFormat: 'table',
    interfacePropertiesFormat: 'table',
    typeDeclarationFormat: 'table',
    entryFileName: 'README',
    validation: { notDocumented: true, notExported: true, invalidLink: true },
    requiredToBeDocumented: DOCUMENTED,
    intentionallyNotExported: SHOWN_IN_PLACE,
  })
  const project = await app.convert()
  if (project === undefined) return false
  app.validate(project)
  const missing = withoutExample(project)
  for (const name of missing) console.error(`${name} has no example`)
  for (const reflection of project.getReflectionsByKind(kind('Class', 'Interface')))
    if (isClass(reflection)) removeInherited(project, reflection)
  await app.generateOutputs(project)
  return !app.logger.hasErrors() && !app.logger.hasWarnings() && missing.length === 0
}

/** What a reader wants to see used: every function, and the methods of the objects that one begins with. */
function withoutExample(project: Project): readonly string[] {
  const found = project.getReflectionsByKind(kind('Function', 'Method', 'Class'))
  return found
    .filter((reflection) => isToBeShown(reflection) && !hasExample(reflection))
    .map((reflection) => reflection.getFullName())
}

function isToBeShown({ name, kind: ofKind, parent, inheritedFrom }: Reflection): boolean {
  if (name.startsWith('[') || inheritedFrom !== undefined) return false
  if ((ofKind & kind('Class')) !== 0) return !/(Error|Refusal|Lost)$/.test(name)
  if ((ofKind & kind('Function')) !== 0) return true
  return ['Stasis', 'Domain', 'QmpConnection'].includes(parent?.name ?? '')
}

function hasExample({ comment, signatures = [] }: Reflection): boolean {
  const comments = [comment, ...signatures.map((signature) => signature.comment)]
  return comments.some((each) => each?.blockTags.some(({ tag }) => tag === '@example') === true)
}

function isClass(reflection: Reflection): boolean {
  // A class that is exported as a type only is an interface here.
  return (reflection.kind & kind('Class')) !== 0 || reflection.name === 'RestoredDomain'
}

/** What a class has from another is described there. */
function removeInherited(project: Project, reflection: Reflection): void {
  const isInherited = (member: Reflection): boolean => member.inheritedFrom !== undefined
  for (const member of (reflection.children ?? []).filter(isInherited))
    project.removeReflection(member)
  for (const group of reflection.groups ?? [])
    group.children = group.children.filter((member) => !isInherited(member))
  reflection.groups = reflection.groups?.filter(({ children }) => children.length > 0)
}
