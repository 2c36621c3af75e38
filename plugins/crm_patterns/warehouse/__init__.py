"""The analytic side: typed Parquet on object storage, the warehouse, and the rules that data must keep."""
