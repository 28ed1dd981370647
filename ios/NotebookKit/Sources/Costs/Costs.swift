import Notebook
@main struct Costs { static func main() throws { print("x") } }
