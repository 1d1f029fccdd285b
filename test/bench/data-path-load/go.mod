module fairway.dev/data-path-load

go 1.26
