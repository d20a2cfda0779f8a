export declare function importsOf(text: string): string[]
export declare function violations(
  workspace: string,
  file: string,
  text: string,
  manifest: {
    readonly name: string
    readonly dependencies: ReadonlySet<string>
    readonly devDependencies: ReadonlySet<string>
  },
): string[]
