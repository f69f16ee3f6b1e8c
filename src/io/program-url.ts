/**
 * The file to run for a program of ours, passed as `new URL('./x.ts', import.meta.url)` so that the import check finds it. The sources run as
 * TypeScript; the package contains the same file as JavaScript.
 */
export function programUrl(source: URL): URL {
  if (import.meta.url.endsWith('.ts')) return source
  return new URL(source.href.replace(/\.ts$/, '.js'))
}
