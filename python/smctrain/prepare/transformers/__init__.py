"""scikit-learn transformers over the native column kernels. Import them from `smctrain.prepare`."""
